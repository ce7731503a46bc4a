<?php
$main = ['driver' => getenv('DB_KIND'), 'database' => getenv('DB_NAME'), 'prefix' => ''];
if ($main['driver'] !== 'sqlite') {
    $main += ['unix_socket' => getenv('DB_SOCKET'), 'username' => getenv('DB_USER'), 'password' => ''];
    $main += ['charset' => 'utf8mb4', 'collation' => 'utf8mb4_unicode_ci'];
}
return ['default' => 'main', 'connections' => ['main' => $main], 'migrations' => 'migrations'];
