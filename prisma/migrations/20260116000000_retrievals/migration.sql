-- CreateTable: where the copies lie of what a restore brings back from the archive tier.
CREATE TABLE "retrieval" (
    "restore_id" TEXT NOT NULL,
    "url" TEXT NOT NULL,
    "keep_hours" INTEGER NOT NULL,
    "removed_at" TIMESTAMPTZ(3),

    CONSTRAINT "retrieval_pkey" PRIMARY KEY ("restore_id"),
    CONSTRAINT "retrieval_keep_hours_check" CHECK ("keep_hours" > 0),
    CONSTRAINT "retrieval_restore_id_fkey" FOREIGN KEY ("restore_id") REFERENCES "restore"("id") ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX "retrieval_removed_at_idx" ON "retrieval"("restore_id") WHERE "removed_at" IS NULL;

-- CreateTable: which files of the repository they are of.
CREATE TABLE "retrieved_file" (
    "restore_id" TEXT NOT NULL,
    "path" TEXT NOT NULL,
    "size_bytes" BIGINT NOT NULL,

    CONSTRAINT "retrieved_file_pkey" PRIMARY KEY ("restore_id", "path"),
    CONSTRAINT "retrieved_file_restore_id_fkey" FOREIGN KEY ("restore_id") REFERENCES "retrieval"("restore_id") ON DELETE CASCADE ON UPDATE CASCADE
);
