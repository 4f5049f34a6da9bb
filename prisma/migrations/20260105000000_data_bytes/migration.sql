-- What is counted of a disk is what holds data. Of segments that were cut before only their lengths are known.
ALTER TABLE "segment" ADD COLUMN "data_bytes" BIGINT;
UPDATE "segment" SET "data_bytes" = "length_bytes";
ALTER TABLE "segment" ALTER COLUMN "data_bytes" SET NOT NULL;
