-- An endpoint may ask for the messages about one person one after the other, in the order of their numbers. What is older and
-- not given up is found by the primary key of webhook_delivery.
ALTER TABLE webhook_endpoint ADD COLUMN in_order BOOLEAN NOT NULL DEFAULT FALSE;
