-- Only while no restore is under way.
--
-- The ledger has an entry for each life of a resource from here on, and says what each is there for. A run of the version before
-- would go on writing one entry for all lives.
DO $$
DECLARE
    under_way TEXT := (SELECT string_agg("id", ', ' ORDER BY "id") FROM "restore" WHERE "ended_at" IS NULL);
BEGIN
    IF under_way IS NOT NULL THEN
        RAISE EXCEPTION 'Restores are under way: %.', under_way
            USING HINT = 'Start the version before, let them end, cancel them or roll them back, and migrate again.';
    END IF;
END $$;

CREATE TABLE "cloud_owner" (
    "id" TEXT NOT NULL,
    "kind" TEXT NOT NULL,

    CONSTRAINT "cloud_owner_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "cloud_owner_kind_check" CHECK ("kind" IN ('restore', 'capture'))
);

INSERT INTO "cloud_owner" ("id", "kind") SELECT "id", 'restore' FROM "restore";

ALTER TABLE "restore"
    ADD CONSTRAINT "restore_id_fkey" FOREIGN KEY ("id") REFERENCES "cloud_owner"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- The ledger: one entry for each life.
ALTER TABLE "cloud_resource" RENAME COLUMN "restore_id" TO "owner_id";
ALTER TABLE "cloud_resource"
    DROP CONSTRAINT "cloud_resource_restore_id_fkey",
    DROP CONSTRAINT "cloud_resource_pkey",
    ADD COLUMN "id" BIGSERIAL NOT NULL,
    ADD COLUMN "life" INTEGER,
    ADD COLUMN "purpose" TEXT,
    ADD COLUMN "keep_until" TIMESTAMPTZ(3),
    ADD COLUMN "instance_id" TEXT,
    ADD COLUMN "moved_from" TEXT;

-- What a restore was asked for, as the version before told it from what only helps.
UPDATE "cloud_resource" SET "life" = 1, "purpose" = CASE WHEN "role" IN ('disk', 'vm', 'nic') THEN 'result' ELSE 'help' END;

ALTER TABLE "cloud_resource"
    ALTER COLUMN "life" SET NOT NULL,
    ALTER COLUMN "purpose" SET NOT NULL,
    ADD CONSTRAINT "cloud_resource_pkey" PRIMARY KEY ("id"),
    ADD CONSTRAINT "cloud_resource_owner_id_fkey" FOREIGN KEY ("owner_id") REFERENCES "cloud_owner"("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    ADD CONSTRAINT "cloud_resource_life_check" CHECK ("life" > 0),
    ADD CONSTRAINT "cloud_resource_purpose_check" CHECK ("purpose" IN ('result', 'help', 'safety', 'kept', 'source'));

CREATE INDEX "cloud_resource_owner_id_key_idx" ON "cloud_resource"("owner_id", "key");
CREATE INDEX "cloud_resource_key_idx" ON "cloud_resource"("key");
CREATE UNIQUE INDEX "cloud_resource_alive" ON "cloud_resource"("owner_id", "key") WHERE "state" <> 'removed';

CREATE TABLE "cloud_change" (
    "id" BIGSERIAL NOT NULL,
    "owner_id" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "azure_id" TEXT NOT NULL,
    "what" TEXT NOT NULL,
    "was" JSONB NOT NULL,
    "intended_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "undone_at" TIMESTAMPTZ(3),

    CONSTRAINT "cloud_change_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "cloud_change_owner_id_fkey" FOREIGN KEY ("owner_id") REFERENCES "cloud_owner"("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

CREATE UNIQUE INDEX "cloud_change_open" ON "cloud_change"("owner_id", "key", "what") WHERE "undone_at" IS NULL;

-- The journal: one effect instead of two signs.
ALTER TABLE "operation" RENAME COLUMN "restore_id" TO "owner_id";
ALTER TABLE "operation"
    DROP CONSTRAINT "operation_restore_id_fkey",
    ADD COLUMN "effect" JSONB,
    ADD COLUMN "life" INTEGER;

UPDATE "operation" AS "o"
SET "life" = 1,
    "effect" = jsonb_build_object('creates', jsonb_build_object('kind', "c"."kind", 'role', "c"."role", 'purpose', "c"."purpose"))
FROM "cloud_resource" AS "c"
WHERE "o"."creates" AND "c"."owner_id" = "o"."owner_id" AND lower("c"."azure_id") = lower("o"."azure_id");

UPDATE "operation"
SET "effect" = CASE WHEN "removes" THEN '{"removes": "ours"}'::jsonb ELSE '{"changes": "ours"}'::jsonb END
WHERE "effect" IS NULL;

ALTER TABLE "operation"
    DROP COLUMN "creates",
    DROP COLUMN "removes",
    ALTER COLUMN "effect" SET NOT NULL,
    ADD CONSTRAINT "operation_owner_id_fkey" FOREIGN KEY ("owner_id") REFERENCES "cloud_owner"("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    ADD CONSTRAINT "operation_effect_check" CHECK (
        num_nonnulls("effect" -> 'creates', "effect" -> 'removes', "effect" -> 'moves', "effect" -> 'changes') = 1);
