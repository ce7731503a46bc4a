<?php
return ['default' => env('QUEUE_CONNECTION', 'database'), 'failed' => ['driver' => 'null'], 'connections' => [
    'sync' => ['driver' => 'sync'],
    'database' => ['driver' => 'database', 'table' => 'jobs', 'queue' => 'default', 'retry_after' => 90],
]];
