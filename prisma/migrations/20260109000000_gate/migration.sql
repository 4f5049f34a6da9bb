-- Only while no restore is under way.
--
-- A restore that needs an approval waits for it before it removes its source, and no longer after its plan was made; and from
-- here on one may have cut over, which whoever runs works of the version before knows nothing of.
DO $$
DECLARE
    under_way TEXT := (SELECT string_agg("id", ', ' ORDER BY "id") FROM "restore" WHERE "ended_at" IS NULL);
BEGIN
    IF under_way IS NOT NULL THEN
        RAISE EXCEPTION 'Restores are under way: %.', under_way
            USING HINT = 'Start the version before, let them end, cancel them or roll them back, and migrate again.';
    END IF;
END $$;

ALTER TABLE "restore"
    ADD COLUMN "plan_hash" TEXT,
    ADD COLUMN "cut_over_at" TIMESTAMPTZ(3);

UPDATE "restore" SET "plan_hash" = "plan" ->> 'planHash';

ALTER TABLE "restore"
    ADD CONSTRAINT "restore_plan_hash_check" CHECK ("plan_hash" IS NOT DISTINCT FROM ("plan" ->> 'planHash')),
    -- It is completed or rolled back, and no way leads to any other end.
    ADD CONSTRAINT "restore_cut_over_check" CHECK (
        "cut_over_at" IS NULL OR "state" IN ('running', 'needs-attention', 'rolling-back', 'rolled-back', 'completed'));

CREATE TABLE "approval" (
    "id" BIGSERIAL NOT NULL,
    "restore_id" TEXT NOT NULL,
    "plan_hash" TEXT NOT NULL,
    "requested_by" TEXT NOT NULL,
    "approved_by" TEXT NOT NULL,
    "approved_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "self_approval" BOOLEAN NOT NULL,

    CONSTRAINT "approval_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "approval_restore_id_fkey" FOREIGN KEY ("restore_id") REFERENCES "restore"("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "approval_by_somebody_else_check" CHECK ("self_approval" OR "approved_by" <> "requested_by"),
    CONSTRAINT "approval_time_check" CHECK ("expires_at" > "approved_at")
);

CREATE INDEX "approval_restore_id_idx" ON "approval"("restore_id");
