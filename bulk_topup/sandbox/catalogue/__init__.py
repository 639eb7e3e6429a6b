"""What can be bought: services, operators, products, promotions."""
