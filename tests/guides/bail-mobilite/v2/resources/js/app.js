document.title = 'Ops 2.0';
