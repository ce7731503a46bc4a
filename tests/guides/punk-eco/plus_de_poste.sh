cd /home/dev/punk-eco
docker compose down --volumes
rm -r /home/dev
cd /home/punk_eco/punk-eco
docker compose start
