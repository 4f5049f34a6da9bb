-- CreateTable: what a scan has noted of a point, from which its restore can be planned when its bytes are archived.
CREATE TABLE "point_survey" (
    "point_id" TEXT NOT NULL,
    "lent_until" TIMESTAMPTZ(3) NOT NULL,
    "inspection" JSONB,
    "locations" JSONB,
    "refusal" JSONB,

    CONSTRAINT "point_survey_pkey" PRIMARY KEY ("point_id"),
    CONSTRAINT "point_survey_kept_check" CHECK (("inspection" IS NULL) = ("locations" IS NULL)),
    CONSTRAINT "point_survey_point_id_fkey" FOREIGN KEY ("point_id") REFERENCES "restore_point"("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable: which blobs a disk of such a point is made of.
CREATE TABLE "surveyed_disk" (
    "point_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "location" TEXT NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "trees" TEXT[],
    "parts" TEXT[],

    CONSTRAINT "surveyed_disk_pkey" PRIMARY KEY ("point_id", "name"),
    CONSTRAINT "surveyed_disk_point_id_fkey" FOREIGN KEY ("point_id") REFERENCES "point_survey"("point_id") ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX "surveyed_disk_parts_idx" ON "surveyed_disk" USING GIN ("parts");

-- CreateTable: a stretch of the lists of blobs; the lists of many points share it.
CREATE TABLE "blob_list_part" (
    "hash" TEXT NOT NULL,
    "ids" BYTEA NOT NULL,
    "kept_at" TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "blob_list_part_pkey" PRIMARY KEY ("hash")
);
