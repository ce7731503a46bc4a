-- Undoes version 1.0.
drop table if exists orders;
drop table if exists products;
