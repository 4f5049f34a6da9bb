-- CreateTable
CREATE TABLE "repository" (
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "url" TEXT NOT NULL,
    "hosted_by_provider" BOOLEAN NOT NULL,
    "sealed_password" TEXT,
    "added_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "scanned_at" TIMESTAMPTZ(3),

    CONSTRAINT "repository_pkey" PRIMARY KEY ("name")
);

-- CreateTable
CREATE TABLE "machine" (
    "id" TEXT NOT NULL,
    "repository_name" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "aliases" TEXT[],

    CONSTRAINT "machine_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "restore_point" (
    "id" TEXT NOT NULL,
    "repository_name" TEXT NOT NULL,
    "machine_id" TEXT NOT NULL,
    "reference" TEXT NOT NULL,
    "taken_at" TIMESTAMPTZ(3) NOT NULL,
    "kind" TEXT NOT NULL,
    "level" TEXT NOT NULL,
    "os" JSONB,
    "firmware" TEXT,
    "disks" JSONB NOT NULL,
    "azure" JSONB,
    "has_manifest" BOOLEAN NOT NULL,
    "problems" JSONB NOT NULL,

    CONSTRAINT "restore_point_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "restore" (
    "id" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "epoch" INTEGER NOT NULL DEFAULT 0,
    "restore_point_id" TEXT NOT NULL,
    "request" JSONB NOT NULL,
    "plan" JSONB,
    "problems" JSONB NOT NULL DEFAULT '[]',
    "error" JSONB,
    "vm_azure_id" TEXT,
    "requested_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "ended_at" TIMESTAMPTZ(3),
    "last_event" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "restore_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "restore_step" (
    "restore_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
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

    CONSTRAINT "restore_step_pkey" PRIMARY KEY ("restore_id","id")
);

-- CreateTable
CREATE TABLE "clean_up" (
    "restore_id" TEXT NOT NULL,
    "purpose" TEXT NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'pending',
    "epoch" INTEGER NOT NULL DEFAULT 0,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "not_before" TIMESTAMPTZ(3),
    "dispatched_at" TIMESTAMPTZ(3),
    "started_at" TIMESTAMPTZ(3),
    "ended_at" TIMESTAMPTZ(3),
    "cause" JSONB,
    "error" JSONB,

    CONSTRAINT "clean_up_pkey" PRIMARY KEY ("restore_id")
);

-- CreateTable
CREATE TABLE "restore_disk" (
    "restore_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "position" INTEGER NOT NULL,
    "from" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "lun" INTEGER,
    "azure_id" TEXT,

    CONSTRAINT "restore_disk_pkey" PRIMARY KEY ("restore_id","name")
);

-- CreateTable
CREATE TABLE "restore_event" (
    "restore_id" TEXT NOT NULL,
    "sequence" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "type" TEXT NOT NULL,
    "message" TEXT NOT NULL,
    "data" JSONB NOT NULL,

    CONSTRAINT "restore_event_pkey" PRIMARY KEY ("restore_id","sequence")
);

-- CreateTable
CREATE TABLE "segment" (
    "id" TEXT NOT NULL,
    "restore_id" TEXT NOT NULL,
    "disk_name" TEXT NOT NULL,
    "purpose" TEXT NOT NULL,
    "index" INTEGER NOT NULL,
    "offset_bytes" BIGINT NOT NULL,
    "length_bytes" BIGINT NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'pending',
    "epoch" INTEGER NOT NULL DEFAULT 0,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "mover" TEXT,
    "error" JSONB,
    "ended_at" TIMESTAMPTZ(3),

    CONSTRAINT "segment_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "operation" (
    "restore_id" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "work" TEXT NOT NULL,
    "epoch" INTEGER NOT NULL,
    "operation" TEXT NOT NULL,
    "azure_id" TEXT NOT NULL,
    "body_hash" TEXT NOT NULL,
    "creates" BOOLEAN NOT NULL,
    "removes" BOOLEAN NOT NULL,
    "state" TEXT NOT NULL,
    "poller_state" TEXT,
    "error" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "operation_pkey" PRIMARY KEY ("restore_id","key")
);

-- CreateTable
CREATE TABLE "cloud_resource" (
    "restore_id" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "azure_id" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "removed_at" TIMESTAMPTZ(3),

    CONSTRAINT "cloud_resource_pkey" PRIMARY KEY ("restore_id","key")
);

-- CreateTable
CREATE TABLE "worker" (
    "id" TEXT NOT NULL,
    "restore_id" TEXT NOT NULL,
    "azure_id" TEXT NOT NULL,
    "disks" TEXT[],
    "state" TEXT NOT NULL DEFAULT 'launching',
    "bootstrap_token_hash" TEXT,
    "bootstrap_expires_at" TIMESTAMPTZ(3),
    "session_token_hash" TEXT,
    "session_expires_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "worker_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "mover" (
    "worker_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "pid" INTEGER NOT NULL,
    "seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "mover_pkey" PRIMARY KEY ("worker_id","name")
);

-- CreateTable
CREATE TABLE "disk_access" (
    "restore_id" TEXT NOT NULL,
    "disk_name" TEXT NOT NULL,
    "sealed_url" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "disk_access_pkey" PRIMARY KEY ("restore_id","disk_name")
);

-- CreateTable
CREATE TABLE "outbox" (
    "id" BIGSERIAL NOT NULL,
    "queue" TEXT NOT NULL,
    "job_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "payload" JSONB NOT NULL,
    "delay_ms" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "claimed_until" TIMESTAMPTZ(3),

    CONSTRAINT "outbox_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "audit_event" (
    "sequence" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "actor" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "details" JSONB NOT NULL,
    "hash" TEXT NOT NULL,

    CONSTRAINT "audit_event_pkey" PRIMARY KEY ("sequence")
);

-- CreateTable
CREATE TABLE "api_token" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "token_hash" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_token_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "idempotency_key" (
    "key" TEXT NOT NULL,
    "body_hash" TEXT NOT NULL,
    "restore_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "idempotency_key_pkey" PRIMARY KEY ("key")
);

-- CreateIndex
CREATE UNIQUE INDEX "machine_repository_name_key_key" ON "machine"("repository_name", "key");

-- CreateIndex
CREATE INDEX "restore_point_machine_id_idx" ON "restore_point"("machine_id");

-- CreateIndex
CREATE UNIQUE INDEX "restore_point_repository_name_reference_key" ON "restore_point"("repository_name", "reference");

-- CreateIndex
CREATE INDEX "restore_state_idx" ON "restore"("state");

-- CreateIndex
CREATE INDEX "restore_created_at_idx" ON "restore"("created_at");

-- CreateIndex
CREATE INDEX "restore_restore_point_id_idx" ON "restore"("restore_point_id");

-- CreateIndex
CREATE INDEX "segment_restore_id_state_idx" ON "segment"("restore_id", "state");

-- CreateIndex
CREATE UNIQUE INDEX "segment_restore_id_disk_name_purpose_index_key" ON "segment"("restore_id", "disk_name", "purpose", "index");

-- CreateIndex
CREATE UNIQUE INDEX "worker_session_token_hash_key" ON "worker"("session_token_hash");

-- CreateIndex
CREATE INDEX "worker_restore_id_idx" ON "worker"("restore_id");

-- CreateIndex
CREATE UNIQUE INDEX "outbox_queue_job_id_key" ON "outbox"("queue", "job_id");

-- CreateIndex
CREATE UNIQUE INDEX "api_token_token_hash_key" ON "api_token"("token_hash");

-- CreateIndex
CREATE INDEX "idempotency_key_created_at_idx" ON "idempotency_key"("created_at");

-- AddForeignKey
ALTER TABLE "machine" ADD CONSTRAINT "machine_repository_name_fkey" FOREIGN KEY ("repository_name") REFERENCES "repository"("name") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "restore_point" ADD CONSTRAINT "restore_point_repository_name_fkey" FOREIGN KEY ("repository_name") REFERENCES "repository"("name") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "restore_point" ADD CONSTRAINT "restore_point_machine_id_fkey" FOREIGN KEY ("machine_id") REFERENCES "machine"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "restore_step" ADD CONSTRAINT "restore_step_restore_id_fkey" FOREIGN KEY ("restore_id") REFERENCES "restore"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "clean_up" ADD CONSTRAINT "clean_up_restore_id_fkey" FOREIGN KEY ("restore_id") REFERENCES "restore"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "restore_disk" ADD CONSTRAINT "restore_disk_restore_id_fkey" FOREIGN KEY ("restore_id") REFERENCES "restore"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "restore_event" ADD CONSTRAINT "restore_event_restore_id_fkey" FOREIGN KEY ("restore_id") REFERENCES "restore"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "segment" ADD CONSTRAINT "segment_restore_id_fkey" FOREIGN KEY ("restore_id") REFERENCES "restore"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "operation" ADD CONSTRAINT "operation_restore_id_fkey" FOREIGN KEY ("restore_id") REFERENCES "restore"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "cloud_resource" ADD CONSTRAINT "cloud_resource_restore_id_fkey" FOREIGN KEY ("restore_id") REFERENCES "restore"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "worker" ADD CONSTRAINT "worker_restore_id_fkey" FOREIGN KEY ("restore_id") REFERENCES "restore"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "mover" ADD CONSTRAINT "mover_worker_id_fkey" FOREIGN KEY ("worker_id") REFERENCES "worker"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "disk_access" ADD CONSTRAINT "disk_access_restore_id_fkey" FOREIGN KEY ("restore_id") REFERENCES "restore"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- The words that a state or a kind may be. They are the words of the API, so they are text and not enumerations.
ALTER TABLE "repository"
  ADD CONSTRAINT "repository_kind_check" CHECK ("kind" IN ('restic', 'images', 'snapshots'));

ALTER TABLE "restore_point"
  ADD CONSTRAINT "restore_point_kind_check" CHECK ("kind" IN ('image', 'snapshot', 'computer')),
  ADD CONSTRAINT "restore_point_level_check" CHECK ("level" IN ('computer', 'volume', 'file')),
  ADD CONSTRAINT "restore_point_firmware_check" CHECK ("firmware" IN ('bios', 'uefi'));

ALTER TABLE "restore"
  ADD CONSTRAINT "restore_state_check" CHECK ("state" IN (
    'planning', 'refused', 'awaiting-approval', 'running', 'cancelling', 'cancelled',
    'rolling-back', 'rolled-back', 'failed', 'needs-attention', 'completed')),
  -- Nothing runs without a plan, and only what has ended for good has an end.
  ADD CONSTRAINT "restore_plan_check" CHECK ("plan" IS NOT NULL OR "state" NOT IN ('running', 'awaiting-approval', 'refused', 'completed')),
  ADD CONSTRAINT "restore_end_check" CHECK (
    ("ended_at" IS NOT NULL) = ("state" IN ('refused', 'cancelled', 'rolled-back', 'failed', 'completed')));

ALTER TABLE "restore_step"
  ADD CONSTRAINT "restore_step_state_check" CHECK ("state" IN ('pending', 'running', 'done', 'skipped', 'failed')),
  ADD CONSTRAINT "restore_step_number_check" CHECK ("number" BETWEEN 0 AND 12),
  ADD CONSTRAINT "restore_step_parked_check" CHECK (NOT "parked" OR "state" = 'running');

ALTER TABLE "clean_up"
  ADD CONSTRAINT "clean_up_state_check" CHECK ("state" IN ('pending', 'running', 'done', 'failed')),
  ADD CONSTRAINT "clean_up_purpose_check" CHECK ("purpose" IN ('cancel', 'failure', 'roll-back'));

ALTER TABLE "restore_disk"
  ADD CONSTRAINT "restore_disk_role_check" CHECK ("role" IN ('os', 'data')),
  ADD CONSTRAINT "restore_disk_lun_check" CHECK ("lun" BETWEEN 0 AND 63);

ALTER TABLE "segment"
  ADD CONSTRAINT "segment_state_check" CHECK ("state" IN ('pending', 'running', 'done', 'failed')),
  ADD CONSTRAINT "segment_purpose_check" CHECK ("purpose" IN ('move', 'verify')),
  ADD CONSTRAINT "segment_range_check" CHECK ("offset_bytes" >= 0 AND "length_bytes" > 0);

ALTER TABLE "operation"
  ADD CONSTRAINT "operation_state_check" CHECK ("state" IN ('intended', 'submitted', 'succeeded', 'failed'));

ALTER TABLE "cloud_resource"
  ADD CONSTRAINT "cloud_resource_state_check" CHECK ("state" IN ('intended', 'created', 'removed')),
  ADD CONSTRAINT "cloud_resource_kind_check" CHECK ("kind" IN ('disk', 'nic', 'vm', 'resource-group'));

ALTER TABLE "worker"
  ADD CONSTRAINT "worker_state_check" CHECK ("state" IN ('launching', 'ready', 'retired'));

ALTER TABLE "api_token"
  ADD CONSTRAINT "api_token_role_check" CHECK ("role" IN ('viewer', 'operator', 'approver', 'admin', 'mover')),
  ADD CONSTRAINT "api_token_hash_check" CHECK ("token_hash" ~ '^[0-9a-f]{64}$');

-- What was done can be added to and never changed.
CREATE FUNCTION "refuse_audit_change"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only';
END;
$$;

CREATE TRIGGER "audit_event_append_only"
  BEFORE UPDATE OR DELETE ON "audit_event"
  FOR EACH ROW EXECUTE FUNCTION "refuse_audit_change"();

CREATE TRIGGER "audit_event_no_truncate"
  BEFORE TRUNCATE ON "audit_event"
  FOR EACH STATEMENT EXECUTE FUNCTION "refuse_audit_change"();
