-- Who has made a token: whoever asks for a restore can't approve it by a token that he has made for himself.
ALTER TABLE "api_token" ADD COLUMN "created_by" TEXT;
