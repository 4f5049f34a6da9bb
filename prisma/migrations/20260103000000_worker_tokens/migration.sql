-- AlterTable: a worker may have several bootstrap tokens, of which the first that is redeemed counts.
ALTER TABLE "worker" ADD COLUMN "bootstrap_token_hashes" TEXT[] DEFAULT ARRAY[]::TEXT[];
UPDATE "worker" SET "bootstrap_token_hashes" = ARRAY["bootstrap_token_hash"] WHERE "bootstrap_token_hash" IS NOT NULL;
ALTER TABLE "worker" DROP COLUMN "bootstrap_token_hash";
