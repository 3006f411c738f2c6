DROP TABLE catalog_runs, catalog_scopes, otp_operators, stock_items, markups, price_history, offers, products,
    otp_countries, otp_service_codes, otp_services, upstreams, catalog_version;
