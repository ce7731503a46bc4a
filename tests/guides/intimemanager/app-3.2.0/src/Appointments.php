<?php

namespace IntimeManager;

use IntimeManager\Calendar\Calendar;

class Appointments
{
    public static function count(Application $app): int
    {
        return (int) $app->rows('SELECT COUNT(fuseau_horaire) AS n FROM rendez_vous')[0]['n'];
    }

    public static function agenda(Application $app): string
    {
        return Calendar::lines($app->rows('SELECT id, debut, fuseau_horaire FROM rendez_vous ORDER BY id'));
    }

    public static function add(Application $app, int $client, string $start): string
    {
        $app->rows('INSERT INTO rendez_vous (client_id, debut) VALUES (?, ?)', [$client, $start]);
        $id = $app->database()->lastInsertId();
        $app->rows("INSERT INTO rappels (rendez_vous_id, moyen, prevu_le) VALUES (?, 'courriel', ? - INTERVAL 1 DAY)", [$id, $start]);
        return $id;
    }

    public static function tick(Application $app): void
    {
        $app->rows('DELETE FROM sessions WHERE vue_le < NOW() - INTERVAL 30 DAY');
        $app->rows('UPDATE rappels SET envoye_le = NOW() WHERE envoye_le IS NULL AND prevu_le < NOW()');
    }
}
