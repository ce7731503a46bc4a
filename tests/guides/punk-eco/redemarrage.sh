rm /root/sans_redemarrage
