systemctl stop guide-report
