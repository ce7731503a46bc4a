<?php

namespace IntimeManager;

use IntimeManager\Calendar\Calendar;

class Appointments
{
    public static function count(Application $app): int
    {
        return (int) $app->rows('SELECT COUNT(*) AS n FROM rendez_vous')[0]['n'];
    }

    public static function agenda(Application $app): string
    {
        return Calendar::lines($app->rows('SELECT id, debut FROM rendez_vous ORDER BY id'));
    }

    public static function add(Application $app, int $client, string $start): string
    {
        $app->rows('INSERT INTO rendez_vous (client_id, debut) VALUES (?, ?)', [$client, $start]);
        return $app->database()->lastInsertId();
    }

    public static function tick(Application $app): void
    {
        $app->rows('DELETE FROM sessions WHERE vue_le < NOW() - INTERVAL 30 DAY');
    }
}
