-- Totals in cents, computed from those in euros
ALTER TABLE orders ADD COLUMN total_cents INTEGER
    GENERATED ALWAYS AS (CAST(round(total * 100) AS INTEGER)) VIRTUAL;
