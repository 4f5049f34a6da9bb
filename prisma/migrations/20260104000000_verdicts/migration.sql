-- Only while no restore is under way.
--
-- What data-movers report is held against the grants that they were given, and these are kept from here on: a restore that
-- was begun before has none.
DO $$
DECLARE
    under_way TEXT := (SELECT string_agg("id", ', ' ORDER BY "id") FROM "restore" WHERE "ended_at" IS NULL);
BEGIN
    IF under_way IS NOT NULL THEN
        RAISE EXCEPTION 'Restores are under way: %.', under_way
            USING HINT = 'Start the version before, let them end, cancel them or roll them back, and migrate again.';
    END IF;
END $$;

CREATE TABLE "segment_grant" (
    "segment_id" TEXT NOT NULL,
    "epoch" INTEGER NOT NULL,
    "restore_id" TEXT NOT NULL,
    "mover" TEXT NOT NULL,
    "worker_id" TEXT,
    "granted_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "segment_grant_pkey" PRIMARY KEY ("segment_id", "epoch"),
    CONSTRAINT "segment_grant_segment_id_fkey" FOREIGN KEY ("segment_id") REFERENCES "segment"("id") ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE TABLE "disk_verdict" (
    "restore_id" TEXT NOT NULL,
    "disk_name" TEXT NOT NULL,
    "segment_id" TEXT NOT NULL,
    "epoch" INTEGER NOT NULL,
    "mover" TEXT NOT NULL,
    "code" TEXT NOT NULL,
    "message" TEXT NOT NULL,
    "fix" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "disk_verdict_pkey" PRIMARY KEY ("restore_id", "disk_name", "segment_id", "epoch"),
    CONSTRAINT "disk_verdict_restore_id_fkey" FOREIGN KEY ("restore_id") REFERENCES "restore"("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- The next segments of a disk are found without going past those that are done.
CREATE INDEX "segment_unfinished" ON "segment"("restore_id", "disk_name", "purpose", "index")
    WHERE "state" IN ('pending', 'running');

-- What a data-mover had in hand that was started again.
CREATE INDEX "segment_running" ON "segment"("mover") WHERE "state" = 'running';

ALTER TABLE "worker" ADD COLUMN "ended_session_hash" TEXT;
CREATE UNIQUE INDEX "worker_ended_session_hash_key" ON "worker"("ended_session_hash");

-- No restore that is under way has one; what others have left behind is void.
DELETE FROM "disk_access";
ALTER TABLE "disk_access"
    ADD COLUMN "purpose" TEXT NOT NULL,
    ADD COLUMN "step_epoch" INTEGER NOT NULL,
    ADD CONSTRAINT "disk_access_purpose_check" CHECK ("purpose" IN ('write', 'read'));
