-- Only while no restore is under way.
--
-- Steps and clean-ups become works of one kind. Jobs that were sent before name neither, and whoever runs one believes in a
-- table that is gone.
DO $$
DECLARE
    under_way TEXT := (SELECT string_agg("id", ', ' ORDER BY "id") FROM "restore" WHERE "ended_at" IS NULL);
BEGIN
    IF under_way IS NOT NULL THEN
        RAISE EXCEPTION 'Restores are under way: %.', under_way
            USING HINT = 'Start the version before, let them end, cancel them or roll them back, and migrate again.';
    END IF;
END $$;

CREATE TABLE "restore_work" (
    "restore_id" TEXT NOT NULL,
    "direction" TEXT NOT NULL,
    "round" INTEGER NOT NULL,
    "id" TEXT NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'pending',
    "epoch" INTEGER NOT NULL DEFAULT 0,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "parked" BOOLEAN NOT NULL DEFAULT false,
    "not_before" TIMESTAMPTZ(3),
    "dispatched_at" TIMESTAMPTZ(3),
    "started_at" TIMESTAMPTZ(3),
    "ended_at" TIMESTAMPTZ(3),
    "output" JSONB,
    "error" JSONB,
    "resume_from" TEXT,

    CONSTRAINT "restore_work_pkey" PRIMARY KEY ("restore_id", "direction", "round", "id"),
    CONSTRAINT "restore_work_restore_id_fkey" FOREIGN KEY ("restore_id") REFERENCES "restore"("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "restore_work_direction_check" CHECK ("direction" IN ('forward', 'back', 'after')),
    CONSTRAINT "restore_work_round_check" CHECK (CASE "direction" WHEN 'forward' THEN "round" = 0 WHEN 'back' THEN "round" > 0 ELSE "round" >= 0 END),
    CONSTRAINT "restore_work_state_check" CHECK ("state" IN ('pending', 'running', 'done', 'skipped', 'failed')),
    CONSTRAINT "restore_work_parked_check" CHECK (NOT "parked" OR "state" = 'running')
);

-- What should be moving is found without going past the works of all restores that have ended.
CREATE INDEX "restore_work_unfinished" ON "restore_work"("dispatched_at")
    WHERE "state" IN ('pending', 'running') AND "dispatched_at" IS NOT NULL;

INSERT INTO "restore_work" ("restore_id", "direction", "round", "id", "state", "epoch", "attempts", "parked", "not_before",
                            "dispatched_at", "started_at", "ended_at", "output", "error")
SELECT "restore_id", 'forward', 0, "id", "state", "epoch", "attempts", "parked", "not_before",
       "dispatched_at", "started_at", "ended_at", "output", "error"
FROM "restore_step";

-- A clean-up that was opened anew was the same row: of how often that happened its history tells.
INSERT INTO "restore_work" ("restore_id", "direction", "round", "id", "state", "epoch", "attempts", "not_before",
                            "dispatched_at", "started_at", "ended_at", "error")
SELECT "restore_id", 'back', 1, 'remove-created', "state", "epoch", "attempts", "not_before",
       "dispatched_at", "started_at", "ended_at", "error"
FROM "clean_up";

ALTER TABLE "restore"
    ADD COLUMN "round" INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN "turn_purpose" TEXT,
    ADD COLUMN "turn_cause" JSONB;

UPDATE "restore" AS "r" SET "round" = 1, "turn_purpose" = "c"."purpose", "turn_cause" = "c"."cause"
FROM "clean_up" AS "c" WHERE "c"."restore_id" = "r"."id";

ALTER TABLE "restore"
    ADD CONSTRAINT "restore_turn_check" CHECK (("round" > 0) = ("turn_purpose" IS NOT NULL)),
    ADD CONSTRAINT "restore_turn_purpose_check" CHECK ("turn_purpose" IN ('cancel', 'failure', 'roll-back'));

UPDATE "operation" SET "work" = 'remove-created' WHERE "work" = 'clean-up';

-- Nobody waits for what is left of these, and nobody knows them any more.
DELETE FROM "outbox" WHERE "name" IN ('run-step', 'clean-up');

DROP TABLE "restore_step";
DROP TABLE "clean_up";
