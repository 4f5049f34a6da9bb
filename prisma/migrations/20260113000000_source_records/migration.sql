-- CreateTable: what a restore has written down of the machine that it replaces, from which that can be made anew.
CREATE TABLE "source_record" (
    "restore_id" TEXT NOT NULL,
    "take" INTEGER NOT NULL,
    "ran" BOOLEAN NOT NULL,
    "sealed_model" TEXT NOT NULL,
    "stopped_at" TIMESTAMPTZ(3),
    "snapshots" JSONB NOT NULL,

    CONSTRAINT "source_record_pkey" PRIMARY KEY ("restore_id"),
    CONSTRAINT "source_record_take_check" CHECK ("take" >= 0),
    CONSTRAINT "source_record_restore_id_fkey" FOREIGN KEY ("restore_id") REFERENCES "restore"("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- AlterTable: since when it waits for somebody to approve it.
ALTER TABLE "restore" ADD COLUMN "awaiting_since" TIMESTAMPTZ(3);

-- What was replaced and is made anew by a roll-back has a purpose of its own.
ALTER TABLE "cloud_resource"
  DROP CONSTRAINT "cloud_resource_purpose_check",
  ADD CONSTRAINT "cloud_resource_purpose_check"
    CHECK ("purpose" IN ('result', 'help', 'safety', 'kept', 'brought-back', 'source'));

-- AlterTable: which VM it replaces. Of those that have not ended no two replace the same.
ALTER TABLE "restore" ADD COLUMN "replaces" TEXT;
CREATE UNIQUE INDEX "restore_replaces_key" ON "restore"("replaces") WHERE "ended_at" IS NULL;
