-- Only while no restore is under way.
--
-- What a disk is to hold is written down with the plan from here on: a restore that was planned before has nothing that step 5
-- could go by. Of restores that have ended nobody reads it.
DO $$
DECLARE
    under_way TEXT := (SELECT string_agg("id", ', ' ORDER BY "id") FROM "restore" WHERE "ended_at" IS NULL);
BEGIN
    IF under_way IS NOT NULL THEN
        RAISE EXCEPTION 'Restores are under way: %.', under_way
            USING HINT = 'Start the version before, let them end, cancel them or roll them back, and migrate again.';
    END IF;
END $$;

CREATE TABLE "planned_disk" (
    "restore_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "recipe" JSONB NOT NULL,
    "source" JSONB NOT NULL,
    "used" JSONB NOT NULL,

    CONSTRAINT "planned_disk_pkey" PRIMARY KEY ("restore_id", "name"),
    CONSTRAINT "planned_disk_restore_id_name_fkey" FOREIGN KEY ("restore_id", "name") REFERENCES "restore_disk"("restore_id", "name") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "planned_disk_recipe_check" CHECK (jsonb_typeof("recipe" -> 'sizeBytes') = 'number' AND jsonb_typeof("recipe" -> 'parts') = 'array'),
    CONSTRAINT "planned_disk_source_check" CHECK (jsonb_typeof("source" -> 'repository') = 'string' AND jsonb_typeof("source" -> 'images') = 'array'),
    CONSTRAINT "planned_disk_used_check" CHECK (jsonb_typeof("used") = 'array')
);

CREATE TABLE "patch_bytes" (
    "sha256" TEXT NOT NULL,
    "bytes" BYTEA NOT NULL,

    CONSTRAINT "patch_bytes_pkey" PRIMARY KEY ("sha256"),
    CONSTRAINT "patch_bytes_sha256_check" CHECK ("sha256" = encode(sha256("bytes"), 'hex')),
    CONSTRAINT "patch_bytes_length_check" CHECK (octet_length("bytes") BETWEEN 1 AND 1048576)
);
