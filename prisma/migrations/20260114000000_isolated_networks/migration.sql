-- Networks that lead nowhere, with what closes them.
ALTER TABLE "cloud_resource"
    DROP CONSTRAINT "cloud_resource_kind_check",
    ADD CONSTRAINT "cloud_resource_kind_check"
        CHECK ("kind" IN ('disk', 'snapshot', 'nic', 'vm', 'network', 'security-group', 'resource-group'));
