-- Orders get a colour
-- Author: fill in
-- Date: fill in
SET lock_timeout = '2s';

ALTER TABLE orders ADD COLUMN colour TEXT;
