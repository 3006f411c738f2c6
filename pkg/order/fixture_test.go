package order

// productSQL puts a premium product on the shelf.
const productSQL = `INSERT INTO products (mode, sku, category, name, brand, grp, type, description, inputs, variant_of, fixed_price, policy, closed, edited, version, created_at, updated_at)
	VALUES ('live', 'PREM' || (random() * 1e9)::bigint, 'product', 'Premium', '', '', '', '', '[]', '', 1000, 'price', false, '{}', 1, $1, $1) RETURNING id`
