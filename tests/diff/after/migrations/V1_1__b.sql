alter table a add b bigint;
