<?php
use Illuminate\Support\Facades\DB;
use Illuminate\Support\Facades\Route;
use Ops\Bail\Reference;

Route::get('/login', fn () => view('login'));
Route::get('/missions', fn () => view('missions', ['missions' => DB::table('missions')->whereNotNull('bail_mobilite_id')->count()]));
Route::get('/bail-mobilites', function () {
    $bail = DB::table('bail_mobilites')->orderByDesc('id')->first();
    return view('baux', ['baux' => DB::table('bail_mobilites')->count(), 'dernier' => Reference::de($bail->mission_id)]);
});
Route::get('/api/health', fn () => ['status' => 'ok', 'version' => '2.0.0', 'baux' => DB::table('bail_mobilites')->count()])
    ->withoutMiddleware('web');
