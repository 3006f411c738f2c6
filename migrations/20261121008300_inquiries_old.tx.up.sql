-- Bills that nobody paid are let go of in time.
CREATE INDEX inquiries_unpaid ON inquiries (created_at) WHERE order_id IS NULL;
