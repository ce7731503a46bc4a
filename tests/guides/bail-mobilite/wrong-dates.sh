# A mission of the second thousand ends before it begins: the conversion fails when some are converted.
mariadb ops -e 'UPDATE missions SET fin = debut WHERE id = 1100'
