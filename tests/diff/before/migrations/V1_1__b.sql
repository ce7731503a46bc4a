alter table a add b int;
