touch /root/sans_redemarrage
