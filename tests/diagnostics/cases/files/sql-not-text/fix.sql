select ÿþ 1;
