-- CreateTable: by which value of its tag this installation knows what it has made in Azure.
CREATE TABLE "appliance" (
    "only" BOOLEAN NOT NULL DEFAULT true,
    "id" TEXT NOT NULL,
    "kept_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "appliance_pkey" PRIMARY KEY ("only"),
    CONSTRAINT "appliance_only_check" CHECK ("only"),
    CONSTRAINT "appliance_id_check" CHECK ("id" <> '')
);
