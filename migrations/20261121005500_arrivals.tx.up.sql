-- How long after a purchase its news comes, by upstream, category and product (0: all
-- of the category): news and seconds of watching, by bucket of age. A hint of whom to
-- ask first; losing it costs nothing but time.
CREATE TABLE arrivals (
    upstream   text               NOT NULL,
    category   text               NOT NULL,
    product_id bigint             NOT NULL,
    news       double precision[] NOT NULL,
    seconds    double precision[] NOT NULL,
    updated_at timestamptz        NOT NULL,
    PRIMARY KEY (upstream, category, product_id),
    CHECK (cardinality(news) = cardinality(seconds))
);
