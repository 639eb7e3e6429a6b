"""What the account can buy: services, operators, products and promotions."""
