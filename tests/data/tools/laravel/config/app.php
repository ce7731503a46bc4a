<?php
return [
    'name' => 'shop', 'env' => 'production', 'debug' => false, 'timezone' => 'UTC', 'locale' => 'en',
    'key' => '', 'cipher' => 'AES-256-CBC', 'aliases' => [],
    'providers' => [
        Illuminate\Cache\CacheServiceProvider::class,
        Illuminate\Database\DatabaseServiceProvider::class,
        Illuminate\Filesystem\FilesystemServiceProvider::class,
        Illuminate\Foundation\Providers\ConsoleSupportServiceProvider::class,
        Illuminate\Queue\QueueServiceProvider::class,
    ],
];
