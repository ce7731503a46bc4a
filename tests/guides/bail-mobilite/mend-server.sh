rm /root/fault.sh
