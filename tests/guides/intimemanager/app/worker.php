<?php

// The background tasks: sends what is due.
require __DIR__ . '/vendor/autoload.php';

$app = new IntimeManager\Application(__DIR__);
pcntl_async_signals(true);
pcntl_signal(SIGTERM, function () { exit(0); });
$app->log('INFO', 'tâches de fond ' . $app->version());
while (true) {
    IntimeManager\Appointments::tick($app);
    usleep(500000);
}
