INSERT INTO products (id, name, price) VALUES (1, 'Chocolate', 2.5), (2, 'Liquorice', 1.2), (3, 'Nougat', 3.99)
    ON CONFLICT (id) DO NOTHING;
INSERT INTO orders (id, product_id, quantity, total)
    VALUES (1, 1, 2, 5.0), (2, 2, 10, 12.0), (3, 3, 1, 3.99), (4, 1, 4, 10.0)
    ON CONFLICT (id) DO NOTHING;
