-- Image-level backups of Azure VMs. Nothing of restores changes.
CREATE TABLE "capture" (
    "id" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "epoch" INTEGER NOT NULL DEFAULT 0,
    "begun" BOOLEAN NOT NULL DEFAULT false,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "outcome" TEXT,
    "error" JSONB,
    "repository_name" TEXT NOT NULL,
    "vm_id" TEXT NOT NULL,
    "stop" BOOLEAN NOT NULL,
    "machine" TEXT,
    "sealed_model" TEXT,
    "taken_at" TIMESTAMPTZ(3),
    "one_state" BOOLEAN,
    "problems" JSONB NOT NULL DEFAULT '[]',
    "requested_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "ended_at" TIMESTAMPTZ(3),
    "last_event" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "capture_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "capture_id_fkey" FOREIGN KEY ("id") REFERENCES "cloud_owner"("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT "capture_state_check" CHECK ("state" IN ('queued', 'running', 'cancelling', 'completed', 'failed', 'cancelled')),
    CONSTRAINT "capture_outcome_check" CHECK ("outcome" IN ('completed', 'failed', 'cancelled')),
    -- It ends as it was decided, and in no other way.
    CONSTRAINT "capture_end_check" CHECK (
        ("ended_at" IS NOT NULL) = ("state" IN ('completed', 'failed', 'cancelled'))
        AND ("ended_at" IS NULL OR "outcome" IS NOT DISTINCT FROM "state")
        AND ("state" <> 'cancelling' OR "outcome" IS NOT DISTINCT FROM 'cancelled')),
    CONSTRAINT "capture_error_check" CHECK ("outcome" IS DISTINCT FROM 'failed' OR "error" IS NOT NULL)
);

CREATE INDEX "capture_created_at_idx" ON "capture"("created_at");
-- Azure does not mind the case of ids.
CREATE UNIQUE INDEX "capture_of_vm_under_way" ON "capture"(lower("vm_id")) WHERE "ended_at" IS NULL;

CREATE TABLE "capture_disk" (
    "capture_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "position" INTEGER NOT NULL,
    "role" TEXT NOT NULL,
    "lun" INTEGER,
    "disk_id" TEXT NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "bytes_done" BIGINT NOT NULL DEFAULT 0,
    "file" TEXT,
    "stored" TEXT,

    CONSTRAINT "capture_disk_pkey" PRIMARY KEY ("capture_id", "name"),
    CONSTRAINT "capture_disk_capture_id_fkey" FOREIGN KEY ("capture_id") REFERENCES "capture"("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "capture_disk_role_check" CHECK ("role" IN ('os', 'data')),
    CONSTRAINT "capture_disk_stored_check" CHECK (("file" IS NULL) = ("stored" IS NULL))
);

ALTER TABLE "cloud_resource"
    DROP CONSTRAINT "cloud_resource_kind_check",
    ADD CONSTRAINT "cloud_resource_kind_check" CHECK ("kind" IN ('disk', 'snapshot', 'nic', 'vm', 'resource-group'));

CREATE TABLE "capture_event" (
    "capture_id" TEXT NOT NULL,
    "sequence" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "type" TEXT NOT NULL,
    "message" TEXT NOT NULL,
    "data" JSONB NOT NULL,

    CONSTRAINT "capture_event_pkey" PRIMARY KEY ("capture_id", "sequence"),
    CONSTRAINT "capture_event_capture_id_fkey" FOREIGN KEY ("capture_id") REFERENCES "capture"("id") ON DELETE CASCADE ON UPDATE CASCADE
);
