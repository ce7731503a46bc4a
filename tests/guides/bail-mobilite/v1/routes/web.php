<?php
use Illuminate\Support\Facades\DB;
use Illuminate\Support\Facades\Route;

Route::get('/login', fn () => view('login'));
Route::get('/missions', fn () => view('missions', ['missions' => DB::table('missions')->count()]));
