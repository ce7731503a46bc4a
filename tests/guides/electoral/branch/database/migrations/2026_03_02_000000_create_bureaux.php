<?php
use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\DB;
use Illuminate\Support\Facades\Schema;

return new class extends Migration
{
    public function up()
    {
        Schema::create('bureaux', function (Blueprint $table) {
            $table->id();
            $table->string('numero', 20)->unique();
            $table->unsignedInteger('inscrits');
        });
        DB::statement('INSERT INTO bureaux (numero, inscrits) SELECT bureau, count(*) FROM inscriptions GROUP BY bureau');
    }

    public function down()
    {
        Schema::drop('bureaux');
    }
};
