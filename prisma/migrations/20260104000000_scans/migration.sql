-- AlterTable: scans of a repository are numbered as they begin, so that an earlier one does not replace what a later one has found.
ALTER TABLE "repository" ADD COLUMN "last_scan" INTEGER NOT NULL DEFAULT 0,
                         ADD COLUMN "shown_scan" INTEGER NOT NULL DEFAULT 0;
