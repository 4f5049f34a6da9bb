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
