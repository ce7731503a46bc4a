# A small Laravel application: `lay_application FOLDER`. The framework is that of Debian's packages.
lay_application() {
    mkdir -p "$1"
    cp -r "$(dirname "${BASH_SOURCE[0]}")"/{artisan,composer.json,app,bootstrap,config,public} "$1/"
    mkdir -p "$1"/{vendor,bootstrap/cache,routes,resources/views,database/migrations} \
        "$1"/storage/{app,logs} "$1"/storage/framework/{cache/data,views,sessions}
    cat >"$1/vendor/autoload.php" <<'END'
<?php
error_reporting(E_ALL & ~E_DEPRECATED);
require_once 'Illuminate/autoload.php';
spl_autoload_register(function ($name) {
    $file = dirname(__DIR__) . '/app/' . strtr(substr($name, 4), '\\', '/') . '.php';
    if (str_starts_with($name, 'App\\') && is_file($file)) {
        require $file;
    }
});
END
    echo '<?php' >"$1/routes/web.php"
}
