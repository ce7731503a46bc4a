<?php

namespace IntimeManager;

/** Pages, accounts and appointments; what differs between versions is in Appointments. */
class Application
{
    private array $env;
    private array $settings;
    private ?\PDO $database = null;

    public function __construct(public readonly string $root)
    {
        $this->env = parse_ini_file("$root/.env", false, INI_SCANNER_RAW);
        // Settings are compiled once, and read from the cache from then on.
        $cache = "$root/storage/cache/settings.php";
        if (!is_file($cache)) {
            $settings = ['version' => trim(file_get_contents("$root/VERSION")), 'name' => $this->env['APP_NAME']];
            file_put_contents($cache . getmypid(), '<?php return ' . var_export($settings, true) . ';');
            rename($cache . getmypid(), $cache);
        }
        $this->settings = require $cache;
    }

    public function version(): string
    {
        return $this->settings['version'];
    }

    public function database(): \PDO
    {
        return $this->database ??= new \PDO(
            "mysql:host={$this->env['DB_HOST']};dbname={$this->env['DB_NAME']};charset=utf8mb4",
            $this->env['DB_USER'],
            $this->env['DB_PASSWORD'],
            [\PDO::ATTR_ERRMODE => \PDO::ERRMODE_EXCEPTION],
        );
    }

    public function rows(string $query, array $values = []): array
    {
        $asked = $this->database()->prepare($query);
        $asked->execute($values);
        return $asked->columnCount() ? $asked->fetchAll(\PDO::FETCH_ASSOC) : [];
    }

    public function log(string $level, string $text): void
    {
        $line = date('[Y-m-d H:i:s] ') . "$level $text\n";
        file_put_contents("$this->root/storage/logs/application.log", $line, FILE_APPEND);
    }

    public function answer(): void
    {
        try {
            $this->route($_SERVER['REQUEST_METHOD'], parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH));
        } catch (\Throwable $fault) {
            $this->log('ERROR', $fault->getMessage());
            http_response_code(500);
            echo "Une erreur est survenue.\n";
        }
    }

    private function route(string $method, string $path): void
    {
        switch ("$method $path") {
            case 'GET /':
                $count = Appointments::count($this);
                echo "{$this->settings['name']} {$this->version()} : $count rendez-vous\n";
                return;
            case 'GET /api/version':
                header('Content-Type: application/json');
                echo json_encode(['version' => $this->version()]);
                return;
            case 'GET /connexion':
                echo "<form method=post><input name=compte><input name=passe type=password></form>\n";
                return;
            case 'POST /connexion':
                $this->logIn();
                return;
            case 'POST /deconnexion':
                $this->rows('DELETE FROM sessions WHERE id = ?', [$_COOKIE['session'] ?? '']);
                return;
        }
        if (!$this->rows('SELECT 1 FROM sessions WHERE id = ?', [$_COOKIE['session'] ?? ''])) {
            header('Location: /connexion', true, 302);
            return;
        }
        match ("$method $path") {
            'GET /agenda' => print(Appointments::agenda($this)),
            'GET /clients' => print(implode("\n", array_column($this->rows('SELECT nom FROM clients ORDER BY id'), 'nom')) . "\n"),
            'POST /rendez-vous' => print(Appointments::add($this, (int) $_POST['client'], $_POST['debut'])),
            'POST /rendez-vous/retrait' => $this->rows('DELETE FROM rendez_vous WHERE id = ?', [$_POST['id']]),
            default => http_response_code(404),
        };
    }

    private function logIn(): void
    {
        $found = $this->rows('SELECT passe FROM comptes WHERE nom = ?', [$_POST['compte'] ?? '']);
        if (!$found || !password_verify($_POST['passe'] ?? '', $found[0]['passe'])) {
            http_response_code(403);
            return;
        }
        $id = bin2hex(random_bytes(16));
        $this->rows('INSERT INTO sessions (id, compte) VALUES (?, ?)', [$id, $_POST['compte']]);
        setcookie('session', $id);
    }
}
