<?php
return [
    'driver' => 'database', 'table' => 'sessions', 'connection' => null, 'lifetime' => 120, 'expire_on_close' => false,
    'encrypt' => false, 'lottery' => [2, 100], 'cookie' => 'ops_session', 'path' => '/', 'domain' => null,
    'secure' => false, 'http_only' => true, 'same_site' => 'lax',
];
