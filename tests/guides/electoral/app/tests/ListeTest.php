<?php
require __DIR__ . '/../vendor/autoload.php';

final class ListeTest extends PHPUnit\Framework\TestCase
{
    private $app;

    protected function setUp(): void
    {
        $this->app = require __DIR__ . '/../bootstrap/app.php';
        $this->app->loadEnvironmentFrom('.env.testing');
        $this->app->make(Illuminate\Contracts\Console\Kernel::class)->bootstrap();
    }

    public function testLaBaseDesTestsEstAPart(): void
    {
        $this->assertSame('electoral_test', Illuminate\Support\Facades\DB::select('select database() as name')[0]->name);
        $this->assertSame('testing', $this->app->environment());
    }

    public function testLaPageDeConnexionRepond(): void
    {
        $kernel = $this->app->make(Illuminate\Contracts\Http\Kernel::class);
        $answer = $kernel->handle(Illuminate\Http\Request::create('/login'));
        $this->assertSame(200, $answer->getStatusCode());
    }
}
