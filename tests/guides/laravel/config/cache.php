<?php
return ['default' => env('CACHE_DRIVER', 'file'), 'prefix' => 'application', 'stores' => [
    'array' => ['driver' => 'array'],
    'file' => ['driver' => 'file', 'path' => storage_path('framework/cache/data')],
]];
