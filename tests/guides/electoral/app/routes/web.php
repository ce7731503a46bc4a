<?php
use Illuminate\Support\Facades\DB;
use Illuminate\Support\Facades\Route;

Route::get('/', fn () => view('liste', ['inscrits' => DB::table('inscriptions')->count()]));
Route::get('/login', fn () => view('login'));
