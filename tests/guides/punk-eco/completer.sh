# What the administrator does when asked: the key of version 2, with the value that this server is to have.
env=/home/punk_eco/punk-eco/.env
grep -q ^DONS_MAXIMUM= $env || echo DONS_MAXIMUM=50000 >>$env
